const fastify = require("fastify")();

fastify.get("/", async () => "ok");
fastify.get("/slow", () => new Promise((resolve) => setTimeout(() => resolve("ok"), 3000)));
fastify.listen({ port: Number(process.env.PORT), host: "127.0.0.1" });
process.on("SIGTERM", () => fastify.close());
