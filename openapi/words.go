package openapi

import "github.com/watchword-auth/watchword/httpauth"

// summary is what an operation does, in a few words.
func summary(op httpauth.Op) string { return wordsOf(op)[0] }

// description is more of it; "" where the summary says all.
func description(op httpauth.Op) string { return wordsOf(op)[1] }

func wordsOf(op httpauth.Op) [2]string {
	switch op {
	case httpauth.OpToken:
		return [2]string{
			"Get tokens",
			"The token endpoint of OAuth 2.0: sign-in by password, refresh, or a machine client's own token, by grant_type. JSON without one is a sign-in; login is a user name or an e-mail address.",
		}
	case httpauth.OpSignIn:
		return [2]string{"Sign in", ""}
	case httpauth.OpRefresh:
		return [2]string{"Refresh", "Exchanges a refresh token for a new access token."}
	case httpauth.OpVerify:
		return [2]string{"Verify a token", "Says whether a token counts, and what it says."}
	case httpauth.OpSignOut:
		return [2]string{"Sign out", "Ends the session of the tokens shown."}
	case httpauth.OpWhoami:
		return [2]string{"Show the user", "The record of the token's bearer."}
	case httpauth.OpChangePassword:
		return [2]string{"Change the password", "Ends the user's other sessions."}
	case httpauth.OpListSessions:
		return [2]string{"List sessions", "The open sessions of the token's bearer, newest first."}
	case httpauth.OpEndSession:
		return [2]string{"End a session", "One of the token's bearer."}
	case httpauth.OpIntrospect:
		return [2]string{"Introspect a token", "RFC 7662, for machine clients."}
	case httpauth.OpRevoke:
		return [2]string{"Revoke a token", "RFC 7009, for machine clients."}
	case httpauth.OpKeys:
		return [2]string{"Public keys", "The JWK Set (RFC 7517) with which tokens are verified."}
	case httpauth.OpMetadata:
		return [2]string{"Metadata", "Of the authorization server (RFC 8414)."}
	case httpauth.OpCSRF:
		return [2]string{"Get a token against cross-site requests", "Sets the cookie that scripts repeat in a header."}
	case httpauth.OpSignUp:
		return [2]string{"Make an account", "Answers alike whether or not there was one already."}
	default:
		return [2]string{"", ""}
	}
}
