module github.com/watchword-auth/watchword

go 1.26.0

require (
	github.com/go-crypt/crypt v0.14.15
	github.com/go-json-experiment/json v1.27.2
	golang.org/x/crypto v0.58.0
)

require (
	github.com/go-crypt/x v0.4.16 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
