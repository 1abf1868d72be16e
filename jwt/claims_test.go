package jwt_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/watchword-auth/watchword/jwt"
)

func TestParseRegistered(t *testing.T) {
	got, err := jwt.ParseRegistered([]byte(`{"iss":"i","sub":"s","aud":["a","b"],"exp":30,"nbf":10,"iat":20,"jti":"j","scope":"x","sid":1}`))
	want := jwt.Registered{
		Issuer: "i", Subject: "s", Audience: []string{"a", "b"}, ID: "j",
		Expiry: time.Unix(30, 0).UTC(), NotBefore: time.Unix(10, 0).UTC(), IssuedAt: time.Unix(20, 0).UTC(),
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseRegistered = %+v, %v; want %+v", got, err, want)
	}
	if got, err := jwt.ParseRegistered([]byte(`{}`)); err != nil || !reflect.DeepEqual(got, jwt.Registered{}) {
		t.Errorf("ParseRegistered({}) = %+v, %v; want zero", got, err)
	}
}

func TestParseRegisteredRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, payload string
		want          error
	}{
		{"issuer a number", `{"iss":1}`, jwt.ErrClaim},
		{"issuer null", `{"iss":null}`, jwt.ErrClaim},
		{"issuer in an array", `{"iss":["i"]}`, jwt.ErrClaim},
		{"subject a number", `{"sub":7}`, jwt.ErrClaim},
		{"id a number", `{"jti":7}`, jwt.ErrClaim},
		{"audience null", `{"aud":null}`, jwt.ErrClaim},
		{"audience of numbers", `{"aud":["a",1]}`, jwt.ErrClaim},
		{"audience an object", `{"aud":{"a":1}}`, jwt.ErrClaim},
		{"exp a string", `{"exp":"4102444800"}`, jwt.ErrClaim},
		{"exp a fraction", `{"exp":4102444800.5}`, jwt.ErrClaim},
		{"exp with an exponent", `{"exp":4e9}`, jwt.ErrClaim},
		{"exp beyond range", `{"exp":9223372036854775807}`, jwt.ErrClaim},
		{"exp null", `{"exp":null}`, jwt.ErrClaim},
		{"exp true", `{"exp":true}`, jwt.ErrClaim},
		{"nbf overflows", `{"nbf":18446744073709551616}`, jwt.ErrClaim},
		{"nbf negative", `{"nbf":-1}`, jwt.ErrClaim},
		{"iat a string", `{"iat":"0"}`, jwt.ErrClaim},
		{"EXP", `{"EXP":4102444800}`, jwt.ErrClaim},
		{"Aud beside aud", `{"aud":"a","Aud":"b"}`, jwt.ErrClaim},
		{"sub with a long s", `{"` + "\u017f" + `ub":"x"}`, jwt.ErrClaim},
		{"iss with two long s", `{"i` + "\u017f\u017f" + `":"x"}`, jwt.ErrClaim},
		{"Exp, escaped", `{"\u0045xp":1}`, jwt.ErrClaim},
		{"exp twice", `{"exp":1,"exp":4102444800}`, jwt.ErrMalformed},
		{"data after", `{"exp":4102444800} {}`, jwt.ErrMalformed},
		{"invalid UTF-8", "{\"sub\":\"\xff\"}", jwt.ErrMalformed},
		{"no object", `"claims"`, jwt.ErrMalformed},
		{"nothing", ``, jwt.ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := jwt.ParseRegistered([]byte(tt.payload))
			if !errors.Is(err, tt.want) || !errors.Is(err, jwt.ErrMalformed) || !reflect.DeepEqual(got, jwt.Registered{}) {
				t.Errorf("ParseRegistered = %+v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	at := func(sec int64) time.Time { return time.Unix(sec, 0) }
	all := jwt.Registered{Expiry: at(100), NotBefore: at(50), IssuedAt: at(60)}
	for _, tt := range []struct {
		name   string
		claims jwt.Registered
		now    time.Time
		leeway time.Duration
		want   error
	}{
		{"in time", all, at(70), 0, nil},
		{"last moment", all, at(100).Add(-1), 0, nil},
		{"at exp", all, at(100), 0, jwt.ErrExpired},
		{"after exp", all, at(101), 0, jwt.ErrExpired},
		{"after exp, within leeway", all, at(104), 5 * time.Second, nil},
		{"at exp and leeway", all, at(105), 5 * time.Second, jwt.ErrExpired},
		{"before nbf", jwt.Registered{NotBefore: at(50)}, at(50).Add(-1), 0, jwt.ErrNotYetValid},
		{"at nbf", jwt.Registered{NotBefore: at(50)}, at(50), 0, nil},
		{"before nbf, within leeway", jwt.Registered{NotBefore: at(50)}, at(45), 5 * time.Second, nil},
		{"before iat", all, at(59), 0, jwt.ErrNotYetValid},
		{"at iat", all, at(60), 0, nil},
		{"no dates", jwt.Registered{}, at(0), 0, nil},
		{"exp is the epoch", jwt.Registered{Expiry: at(0)}, at(70), 0, jwt.ErrExpired},
		{"year 9999", jwt.Registered{Expiry: at(253402300799)}, at(70), time.Hour, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.claims.Check(tt.now, tt.leeway); !errors.Is(err, tt.want) {
				t.Errorf("Check = %v, want %v", err, tt.want)
			}
		})
	}
}
