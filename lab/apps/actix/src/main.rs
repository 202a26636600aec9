use actix_web::{web, App, HttpServer};
use std::time::Duration;

async fn slow() -> &'static str {
    actix_web::rt::time::sleep(Duration::from_secs(3)).await;
    "ok"
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let port: u16 = std::env::args().nth(1).expect("a port").parse().expect("a port");
    HttpServer::new(|| {
        App::new().route("/", web::get().to(|| async { "ok" })).route("/slow", web::get().to(slow))
    })
    .bind(("127.0.0.1", port))?
    .run()
    .await
}
