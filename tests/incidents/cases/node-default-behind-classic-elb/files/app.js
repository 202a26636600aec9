const http = require("http");
const express = require("express");

const app = express();
app.get("/healthz", (req, res) => res.sendStatus(200));

const httpServer = http.createServer(app);
httpServer.listen(7000);
