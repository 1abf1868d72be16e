package openapi_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/httpauth"
	"github.com/watchword-auth/watchword/openapi"
	"github.com/watchword-auth/watchword/store"
)

// A program's own profile beside the native one: its routes say by examples
// what they read and answer.
func ExampleWrite() {
	auth, err := watchword.New(watchword.Config{
		Issuer: "https://example.com", Audience: "blog", Store: store.NewMemory(), SealKey: bytes.Repeat([]byte{1}, 32),
	})
	if err != nil {
		log.Fatal(err)
	}
	blog := httpauth.Profile{Name: "blog", Prefix: "/blog", Routes: []httpauth.Route{{
		Pattern: "POST posts", Guarded: true, Scopes: []string{"posts:write"},
		Serve: func(x *httpauth.Exchange) (httpauth.Reply, error) {
			return x.JSON(http.StatusCreated, httpauth.Object{{Name: "id", Value: 7}})
		},
		Doc: httpauth.Doc{
			Summary: "Write a post",
			Body:    []any{map[string]any{"text": "Hello", "tags": []string{"news"}}, map[string]any{"text": "Hello"}},
			Answers: []httpauth.Answer{{Status: http.StatusCreated, Examples: []any{map[string]any{"id": 7}}}},
		},
	}}}
	text, err := openapi.Write(
		openapi.Info{Title: "Blog", Version: "1.0"},
		httpauth.Face{Service: auth, Profile: blog},
		httpauth.Face{Service: auth, Profile: httpauth.Native(httpauth.NativePrefix, nil)},
	)
	if err != nil {
		log.Fatal(err)
	}
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Summary     string
			RequestBody struct {
				Content map[string]struct{ Schema json.RawMessage }
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		log.Fatal(err)
	}
	post := doc.Paths["/blog/posts"]["post"]
	fmt.Println(doc.OpenAPI, post.Summary)
	fmt.Println(string(post.RequestBody.Content["application/json"].Schema))
	// Output:
	// 3.1.0 Write a post
	// {"type":"object","properties":{"tags":{"type":"array","items":{"type":"string"}},"text":{"type":"string"}},"required":["text"]}
}
