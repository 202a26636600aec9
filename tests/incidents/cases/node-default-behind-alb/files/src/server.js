import http from "node:http";

import { handle } from "./handler.js";

const server = http.createServer(handle);

server.listen(4000);
