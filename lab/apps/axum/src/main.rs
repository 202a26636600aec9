use axum::{routing::get, Router};
use std::time::Duration;

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    "ok"
}

#[tokio::main]
async fn main() {
    let port = std::env::args().nth(1).expect("a port");
    let app = Router::new().route("/", get(|| async { "ok" })).route("/slow", get(slow));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    axum::serve(listener, app).await.expect("a server");
}
