export function handle(request, response) {
  response.end(request.url === "/healthz" ? "ok" : "{}");
}
