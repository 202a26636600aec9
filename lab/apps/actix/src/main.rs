//! Its arguments are its port and, where it is not the default, how many seconds a connection is kept.
use actix_web::{web, App, HttpServer};
use std::time::Duration;

async fn slow() -> &'static str {
    actix_web::rt::time::sleep(Duration::from_secs(3)).await;
    "ok"
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let numbers: Vec<u16> = std::env::args().skip(1).map(|word| word.parse().expect("a number")).collect();
    let server = HttpServer::new(|| {
        App::new().route("/", web::get().to(|| async { "ok" })).route("/slow", web::get().to(slow))
    });
    let server = match numbers.get(1) {
        Some(&seconds) => server.keep_alive(Duration::from_secs(seconds.into())),
        None => server,
    };
    server.bind(("127.0.0.1", numbers[0]))?.run().await
}
