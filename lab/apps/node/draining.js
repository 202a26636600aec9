// From SIGTERM on every response closes its connection; two seconds later the server ends.
const http = require("http");

let draining = false;
const server = http.createServer((request, response) => {
  if (draining) response.setHeader("Connection", "close");
  setTimeout(() => response.end("ok"), 5);
});
server.keepAliveTimeout = 75000;
server.listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => {
  draining = true;
  setTimeout(() => server.close(), 2000);
});
