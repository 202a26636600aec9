"use strict";

const http = require("http");

const server = http.createServer((request, response) => response.end("ok"));

// The balancer lets go after 60 s.
server.keepAliveTimeout = 65 * 1000;
server.listen(8080);
