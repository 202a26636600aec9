// A server of fasthttp. Its flag is a field of fasthttp.Server, in seconds.
package main

import (
	"flag"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/valyala/fasthttp"
)

func main() {
	address := flag.String("address", "", "")
	read := flag.Int("read", 0, "ReadTimeout")
	shutdown := flag.Bool("shutdown", false, "call Shutdown on SIGTERM")
	flag.Parse()
	server := &fasthttp.Server{
		ReadTimeout: time.Duration(*read) * time.Second,
		Handler: func(c *fasthttp.RequestCtx) {
			if string(c.Path()) == "/slow" {
				time.Sleep(3 * time.Second)
			}
			c.WriteString("ok")
		},
	}
	done := make(chan struct{})
	if *shutdown {
		go func() {
			stop := make(chan os.Signal, 1)
			signal.Notify(stop, syscall.SIGTERM)
			<-stop
			server.Shutdown()
			close(done)
		}()
	} else {
		close(done)
	}
	server.ListenAndServe(*address)
	<-done
}
