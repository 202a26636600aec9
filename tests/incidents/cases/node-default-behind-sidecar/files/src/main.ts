import Koa from "koa";

const app = new Koa();

app.use((context) => {
  context.body = { status: "ok" };
});

app.listen(8001);
