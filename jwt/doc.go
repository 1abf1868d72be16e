// Package jwt signs and opens compact JSON Web Signatures.
package jwt
