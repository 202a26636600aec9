import express from "express";
import { createServer } from "http";

const app = express();

app.get("/healthz", (_request, response) => {
  response.send("ok");
});

const server = createServer(app);
server.listen(8080);
