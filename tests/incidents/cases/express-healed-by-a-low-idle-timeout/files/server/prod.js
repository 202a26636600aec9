const express = require("express");

const app = express();

app.get("/healthz", (request, response) => response.sendStatus(200));
app.post("/article", (request, response) => response.send("<html></html>"));

app.listen(9000);
