const express = require("express");

const orders = new Map();

function createApp() {
  const app = express();
  app.use(express.json());

  app.get("/healthz", (request, response) => response.json({ status: "ok" }));

  app.get("/orders/:id", (request, response) => {
    const order = orders.get(request.params.id);
    if (!order) return response.status(404).json({ error: "not found" });
    return response.json(order);
  });

  app.put("/orders/:id", (request, response) => {
    orders.set(request.params.id, { ...request.body, id: request.params.id });
    response.status(204).end();
  });

  return app;
}

module.exports = { createApp };
