const { createApp } = require("./app");

const server = createApp().listen(3000, () => console.log("listening on port 3000"));

// nginx reuses a connection for up to 60 s.
server.keepAliveTimeout = 65000;

process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(1), 20000).unref();
});
