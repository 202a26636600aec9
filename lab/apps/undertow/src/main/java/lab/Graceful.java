package lab;

import io.undertow.Undertow;
import io.undertow.server.handlers.GracefulShutdownHandler;

public class Graceful {
    public static void main(String[] args) {
        GracefulShutdownHandler handler = new GracefulShutdownHandler(Answer::handle);
        Undertow server = Undertow.builder()
            .addHttpListener(Integer.parseInt(args[0]), "127.0.0.1", handler)
            .build();
        server.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            handler.shutdown();
            try {
                handler.awaitShutdown();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            server.stop();
        }));
    }
}
