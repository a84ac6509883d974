package git

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// Credentials are sent to the origin (scheme, host and port) of the repository's URL and to no other. BearerToken counts
// if it is set; else user name and password are sent as HTTP basic authentication. The zero value is no credential.
type Credentials struct {
	Username, Password string
	BearerToken        string
}

// defaultUsername is sent where a Secret holds only a password: forges want a token as password beside any user name.
const defaultUsername = "git"

const redacted = "[redacted]"

// IsZero says that there is nothing to authenticate with.
func (c Credentials) IsZero() bool { return c == Credentials{} }

// Format writes no secret, whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// String says what kind of credential it is, without its content.
func (c Credentials) String() string {
	switch {
	case c.BearerToken != "":
		return "bearer token " + redacted
	case c.IsZero():
		return "no credentials"
	default:
		return "user name and password " + redacted
	}
}

// MarshalText keeps the content out of structured logs and of JSON.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalLog keeps the content out of structured logs (logr.Marshaler).
func (c Credentials) MarshalLog() any { return c.String() }

func (c Credentials) validate() error {
	for _, v := range []string{c.BearerToken, c.Username, c.Password} {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return failf(InvalidCredentials, "the credential contains a line break or another control character")
		}
	}
	if c.BearerToken == "" && strings.Contains(c.Username, ":") {
		return failf(InvalidCredentials, "the user name contains a colon")
	}
	return nil
}

func (c Credentials) set(h http.Header) {
	if v := c.header(); v != "" {
		h.Set("Authorization", v)
	}
}

func (c Credentials) header() string {
	switch {
	case c.BearerToken != "":
		return "Bearer " + c.BearerToken
	case c.IsZero():
		return ""
	}
	user := c.Username
	if user == "" {
		user = defaultUsername
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+c.Password))
}

// minSecretLen keeps scrub from taking single letters out of every text.
const minSecretLen = 4

// scrub removes the secrets from text.
func (c Credentials) scrub(text string) string {
	secrets := []string{c.BearerToken, c.Password}
	if _, encoded, ok := strings.Cut(c.header(), "Basic "); ok {
		secrets = append(secrets, encoded)
	}
	for _, s := range secrets {
		if len(s) >= minSecretLen {
			text = strings.ReplaceAll(text, s, redacted)
		}
	}
	return text
}
