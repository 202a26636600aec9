const http = require("http");

function handle(request, response) {
  response.end("ok");
}

http.createServer(handle).listen(8080);
