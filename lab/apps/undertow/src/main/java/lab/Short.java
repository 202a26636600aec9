package lab;

import io.undertow.Undertow;
import io.undertow.UndertowOptions;

public class Short {
    public static void main(String[] args) {
        Undertow.builder()
            .addHttpListener(Integer.parseInt(args[0]), "127.0.0.1", Answer::handle)
            .setServerOption(UndertowOptions.NO_REQUEST_TIMEOUT, 3000)
            .build()
            .start();
    }
}
