const http = require("http");

const server = http.createServer((request, response) => {
  setTimeout(() => response.end("ok"), request.url === "/slow" ? 3000 : 0);
});
server.keepAliveTimeout = 3000;
server.listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => server.close());
