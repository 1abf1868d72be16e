// Package watchword signs people in and keeps them signed in: tokens checked
// as cheaply as JWTs and ended as surely as sessions.
package watchword
