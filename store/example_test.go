package store_test

import (
	"context"
	"fmt"

	"github.com/watchword-auth/watchword"
	"github.com/watchword-auth/watchword/store"
)

func ExampleNewMemory() {
	ctx := context.Background()
	users := store.NewMemory()
	_, err := users.CreateUser(ctx, watchword.NewUser{
		User: watchword.User{Login: "Ada", Email: "ada@example.com", Active: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Logins and addresses share one name space, in any case.
	u, _, err := users.UserByLogin(ctx, "ADA@example.com")
	fmt.Println(u.ID, u.Login, err)

	_, err = users.CreateUser(ctx, watchword.NewUser{User: watchword.User{Login: "ada"}})
	fmt.Println(watchword.CodeOf(err))
	// Output:
	// 1 Ada <nil>
	// conflict
}
