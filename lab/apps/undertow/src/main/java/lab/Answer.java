package lab;

import io.undertow.server.HttpHandler;
import io.undertow.server.HttpServerExchange;

class Answer {
    static void handle(HttpServerExchange exchange) throws Exception {
        if (exchange.isInIoThread()) {
            exchange.dispatch((HttpHandler) Answer::handle);
            return;
        }
        if (exchange.getRequestPath().equals("/slow")) {
            Thread.sleep(3000);
        }
        exchange.startBlocking();
        exchange.getResponseSender().send("ok");
    }
}
