// Package openapi writes OpenAPI 3.1 documents of what is mounted.
//
//	text, err := openapi.Write(openapi.Info{Title: "Shop"}, httpauth.Face{Service: authority, Profile: native})
//
// A document is made from the very values that are mounted, and from answers
// that a profile's own functions give to examples: paths, field names,
// statuses and shapes of refusals follow the settings by themselves. What
// cannot be told from a route stands beside it, in [httpauth.Doc], and what
// holds for a profile in [httpauth.About].
//
// Schemas are inferred from examples: a member that is in all of them is
// required, and its types are those that were seen. No object is closed:
// answers may grow.
//
// The document says nothing that a client could not find out by asking. Where
// even that is too much, do not serve it.
package openapi
