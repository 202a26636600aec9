module lab

go 1.19

require github.com/valyala/fasthttp v1.51.0
