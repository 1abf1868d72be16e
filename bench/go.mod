module github.com/watchword-auth/watchword/bench

go 1.26.0

require github.com/watchword-auth/watchword v0.0.0

replace github.com/watchword-auth/watchword => ..
