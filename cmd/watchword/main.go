// Command watchword is an authentication server.
package main

func main() {}
