module github.com/runhook/runhook/examples/born-digits

go 1.26

require (
	github.com/born-ml/born v0.8.0
	github.com/runhook/runhook v0.0.0
	github.com/stretchr/testify v1.11.1
)

require (
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace github.com/runhook/runhook => ../..
