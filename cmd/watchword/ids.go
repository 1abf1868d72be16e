package main

import "strings"

// protectIDs moves ids that begin with a hyphen behind "--". Ids of sessions
// and keys are base64url, so one in 64 looks like a flag, and nobody who
// copies one out of a list should have to know.
func protectIDs(args []string) []string {
	var rest, ids []string
	for i, arg := range args {
		if arg == "--" {
			rest = append(rest, args[i:]...)
			break
		}
		if looksLikeID(arg) {
			ids = append(ids, arg)
			continue
		}
		rest = append(rest, arg)
	}
	if len(ids) == 0 {
		return args
	}
	return append(append(rest, "--"), ids...)
}

// looksLikeID reports whether arg is as long as the id of a session or of a
// key, begins like a flag and yet is none: flags are lower case. (An id of
// small letters and hyphens alone is not worth thinking of: 22 random
// characters are so once in 10^8.)
func looksLikeID(arg string) bool {
	const base64url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return strings.HasPrefix(arg, "-") && (len(arg) == 22 || len(arg) == 43) &&
		strings.Trim(arg, base64url) == "" && strings.ToLower(arg) != arg
}
