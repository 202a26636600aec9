package lab;

import io.undertow.Undertow;

public class Plain {
    public static void main(String[] args) {
        Undertow.builder()
            .addHttpListener(Integer.parseInt(args[0]), "127.0.0.1", Answer::handle)
            .build()
            .start();
    }
}
