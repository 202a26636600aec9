//! Its arguments are its port and, where it ends gracefully, `shutdown`.
use axum::{routing::get, Router};
use std::time::Duration;
use tokio::signal::unix::{signal, SignalKind};

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_secs(3)).await;
    "ok"
}

async fn stopped() {
    signal(SignalKind::terminate()).expect("a handler").recv().await;
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let app = Router::new().route("/", get(|| async { "ok" })).route("/slow", get(slow));
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{}", words[0])).await.expect("a free port");
    let server = axum::serve(listener, app);
    if words.get(1).is_some_and(|word| word == "shutdown") {
        server.with_graceful_shutdown(stopped()).await.expect("a server");
    } else {
        server.await.expect("a server");
    }
}
