// A server of net/http. Its flags are fields of http.Server, in seconds.
package main

import (
	"context"
	"flag"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	address := flag.String("address", "", "")
	read := flag.Int("read", 0, "ReadTimeout")
	header := flag.Int("header", 0, "ReadHeaderTimeout")
	idle := flag.Int("idle", 0, "IdleTimeout")
	shutdown := flag.Bool("shutdown", false, "call Shutdown on SIGTERM")
	flag.Parse()
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			time.Sleep(3 * time.Second)
		}
		w.Write([]byte("ok"))
	})
	server := &http.Server{
		Addr:              *address,
		ReadTimeout:       time.Duration(*read) * time.Second,
		ReadHeaderTimeout: time.Duration(*header) * time.Second,
		IdleTimeout:       time.Duration(*idle) * time.Second,
	}
	done := make(chan struct{})
	if *shutdown {
		go func() {
			stop := make(chan os.Signal, 1)
			signal.Notify(stop, syscall.SIGTERM)
			<-stop
			server.Shutdown(context.Background())
			close(done)
		}()
	} else {
		close(done)
	}
	server.ListenAndServe()
	<-done
}
