package git

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Credentials are all that a repository's server is to see beside the request: who asks, and by which way. They are sent to the origin
// (scheme, host and port) of the repository's URL and to no other. The zero value is no credential, over the way of the environment.
type Credentials struct {
	// GitHubApp counts first over HTTP, then BearerToken; else user name and password are sent as HTTP basic authentication.
	GitHubApp          GitHubApp
	BearerToken        string
	Username, Password string

	// SSHKey is a private key in PEM, for URLs of SSH. Should it be encrypted, SSHPassphrase opens it.
	SSHKey, SSHPassphrase string
	// KnownHosts are the lines of a known_hosts file, sshd(8), one of which the server's host key has to match.
	KnownHosts string

	// CABundle are certificates in PEM that are trusted for TLS beside those of the system.
	CABundle string
	// ClientCertificate and ClientKey, in PEM, are shown to a server that asks for a client certificate.
	ClientCertificate, ClientKey string

	// Proxy, if it has an address, takes the place of the environment's. Over SSH the environment has none.
	Proxy Proxy
}

// Proxy is a server over which another is reached.
type Proxy struct {
	// Address is a URL with the scheme http, https or socks5.
	Address            string
	Username, Password string
}

// defaultUsername is sent where a Secret holds only a password: forges want a token as password beside any user name.
const defaultUsername = "git"

const redacted = "[redacted]"

// anonymous says that there is nothing to authenticate with over HTTP.
func (c Credentials) anonymous() bool {
	return c.BearerToken == "" && c.Username == "" && c.Password == "" && c.GitHubApp.isZero()
}

// Format writes no secret, whatever the verb.
func (c Credentials) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// String says what kind of credential it is, without its content.
func (c Credentials) String() string {
	switch {
	case !c.GitHubApp.isZero():
		return "GitHub App " + redacted
	case c.BearerToken != "":
		return "bearer token " + redacted
	case c.SSHKey != "":
		return "SSH key " + redacted
	case !c.anonymous():
		return "user name and password " + redacted
	case c != Credentials{}:
		return "settings of the connection " + redacted
	default:
		return "no credentials"
	}
}

// MarshalText keeps the content out of structured logs and of JSON.
func (c Credentials) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// MarshalLog keeps the content out of structured logs (logr.Marshaler).
func (c Credentials) MarshalLog() any { return c.String() }

// content is all of it, for a key that stands for it.
func (c Credentials) content() []string {
	return []string{c.Username, c.Password, c.BearerToken, c.GitHubApp.ID, c.GitHubApp.InstallationID, c.GitHubApp.PrivateKey, c.GitHubApp.BaseURL,
		c.SSHKey, c.SSHPassphrase, c.KnownHosts, c.CABundle, c.ClientCertificate, c.ClientKey, c.Proxy.Address, c.Proxy.Username, c.Proxy.Password}
}

// validate checks what costs little. Keys and certificates are read when a connection is made.
func (c Credentials) validate(at place) error {
	for _, v := range []string{c.BearerToken, c.Username, c.Password, c.Proxy.Address, c.Proxy.Username, c.Proxy.Password} {
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return failf(InvalidCredentials, "the credential contains a line break or another control character")
		}
	}
	if c.BearerToken == "" && c.GitHubApp.isZero() && strings.Contains(c.Username, ":") {
		return failf(InvalidCredentials, "the user name contains a colon").advise("Write the user name without a colon.")
	}
	if at.Scheme == "ssh" {
		switch {
		case c.SSHKey == "":
			return failf(InvalidCredentials, "there is no SSH key").advise("Put a private key into the key identity of the Secret.")
		case strings.TrimSpace(c.KnownHosts) == "":
			return failf(InvalidCredentials, "known_hosts is empty: the host key of %s can not be checked", at.Host).advise(KeyscanHint(at.address()))
		}
	} else if err := c.GitHubApp.validate(); err != nil {
		return err
	}
	_, err := c.Proxy.url()
	return err
}

// basic is the value of a header of HTTP basic authentication.
func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// header is what is sent in Authorization, for what is not asked for by itself as the token of a GitHub App is.
func (c Credentials) header() string {
	switch {
	case c.BearerToken != "":
		return "Bearer " + c.BearerToken
	case c.Username == "" && c.Password == "":
		return ""
	case c.Username == "":
		return basic(defaultUsername, c.Password)
	}
	return basic(c.Username, c.Password)
}

// minSecretLen keeps scrub from taking single letters out of every text.
const minSecretLen = 4

// scrub removes the secrets from text.
func (c Credentials) scrub(text string) string {
	secrets := []string{c.BearerToken, c.Password, c.SSHPassphrase, c.Proxy.Password}
	if _, encoded, ok := strings.Cut(c.header(), "Basic "); ok {
		secrets = append(secrets, encoded)
	}
	return scrub(text, secrets...)
}

func scrub(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) >= minSecretLen {
			text = strings.ReplaceAll(text, s, redacted)
		}
	}
	return text
}
