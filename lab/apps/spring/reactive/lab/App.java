package lab;

import java.time.Duration;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Mono;

@SpringBootApplication
@RestController
public class App {
    public static void main(String[] args) {
        SpringApplication.run(App.class, args);
    }

    @GetMapping("/")
    public Mono<String> fast() {
        return Mono.just("ok");
    }

    @GetMapping("/slow")
    public Mono<String> slow() {
        return Mono.delay(Duration.ofSeconds(3)).map(tick -> "ok");
    }
}
