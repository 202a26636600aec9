import { serve } from "@hono/node-server";
import { Hono } from "hono";

const app = new Hono();

app.get("/healthz", (context) => context.text("ok"));

const server = serve({ fetch: app.fetch, port: 4001 });
