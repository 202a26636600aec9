const http = require("http");

const server = http.createServer((request, response) => {
  setTimeout(() => response.end("ok"), request.url === "/slow" ? 3000 : 0);
});
server.listen(process.env.PORT, "127.0.0.1");
