package git

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// GitHubApp is an installation of a GitHub App. It proves with its private key who it is, and is given tokens for an hour.
// https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
type GitHubApp struct {
	// ID of the App, or its client ID.
	ID string
	// InstallationID is a number.
	InstallationID string
	// PrivateKey is the RSA key in PEM.
	PrivateKey string
	// BaseURL of the API; default https://api.github.com.
	BaseURL string
}

const (
	defaultGitHubAPI = "https://api.github.com"

	// installationUser is the user name beside a token.
	installationUser = "x-access-token"
	// renewBefore its end a token is not used any more.
	renewBefore = 5 * time.Minute
	// A token is never kept longer than GitHub's last, whatever a server says.
	maxTokenLife = time.Hour
	// A proof may last ten minutes, by GitHub's clock, and begins earlier for where that one is slow.
	proofLife     = 9 * time.Minute
	proofEarliest = time.Minute

	maxTokenAnswerBytes = 1 << 20
)

func (a GitHubApp) isZero() bool { return a == GitHubApp{} }

func (a GitHubApp) validate() error {
	if a.isZero() {
		return nil
	}
	const advice = "A GitHub App needs the keys githubAppID, githubAppInstallationID and githubAppPrivateKey in the Secret."
	switch {
	case a.ID == "" || strings.ContainsFunc(a.ID, func(r rune) bool { return r <= ' ' || r > '~' }):
		return failf(InvalidCredentials, "githubAppID is missing, or is none").advise(advice)
	case a.InstallationID == "" || strings.ContainsFunc(a.InstallationID, func(r rune) bool { return r < '0' || r > '9' }):
		return failf(InvalidCredentials, "githubAppInstallationID is not a number").advise(advice)
	case a.PrivateKey == "":
		return failf(InvalidCredentials, "githubAppPrivateKey is missing").advise(advice)
	}
	_, err := a.api()
	return err
}

// api is the base URL of the API.
func (a GitHubApp) api() (*url.URL, error) {
	if a.BaseURL == "" {
		return url.Parse(defaultGitHubAPI)
	}
	u, err := url.Parse(a.BaseURL)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, failf(InvalidCredentials, "githubAppBaseURL is not an https:// address").
			advise("Put the address of the API into githubAppBaseURL, such as https://github.example.com/api/v3, or leave it out for github.com.")
	}
	return u, nil
}

// proof is the JSON Web Token by which an App shows who it is, RFC 7519, signed as RS256, RFC 7518 section 3.3.
func (a GitHubApp) proof(now time.Time) (string, error) {
	key, err := a.key()
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{"iss": a.ID, "iat": now.Add(-proofEarliest).Unix(), "exp": now.Add(proofLife).Unix()})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + encode(claims)
	digest := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		return "", failf(InvalidCredentials, "githubAppPrivateKey can not sign: %w", err)
	}
	return text + "." + encode(signature), nil
}

func (a GitHubApp) key() (*rsa.PrivateKey, error) {
	bad := failf(InvalidCredentials, "githubAppPrivateKey is not an RSA key in PEM").
		advise("Put the file that GitHub made for the App (-----BEGIN RSA PRIVATE KEY-----) into the key githubAppPrivateKey of the Secret.")
	block, _ := pem.Decode([]byte(a.PrivateKey))
	if block == nil {
		return nil, bad
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := parsed.(*rsa.PrivateKey); ok && err == nil {
		return key, nil
	}
	return nil, bad
}

// issue asks for a token.
func (a GitHubApp) issue(ctx context.Context, client *http.Client, now time.Time) (*installationToken, error) {
	api, err := a.api()
	if err != nil {
		return nil, err
	}
	proof, err := a.proof(now)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api.JoinPath("app/installations", a.InstallationID, "access_tokens").String(), bytes.NewReader(nil))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+proof)
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	resp, err := client.Do(req)
	if err != nil {
		described := classify(err)
		described.Err = fmt.Errorf("ask %s for a token of the GitHub App: %w", api.Host, described.Err)
		return nil, &described
	}
	defer func() { closeBody(resp.Body, nil) }()
	body, err := io.ReadAll(newLimitedReader(resp.Body, "MaxAdvertisementBytes", maxTokenAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s to the GitHub App: %w", api.Host, err)
	}
	if resp.StatusCode != http.StatusCreated {
		return nil, a.refused(resp, body)
	}
	return readToken(body, now)
}

func readToken(body []byte, now time.Time) (*installationToken, error) {
	var answer struct {
		Token     string    `json:"token"`
		ExpiresAt time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Token == "" ||
		strings.ContainsFunc(answer.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, failf(NotAGitServer, "what answered the GitHub App is not GitHub's API: there is no token in it").
			advise("Check githubAppBaseURL in the Secret.")
	}
	until := answer.ExpiresAt.Add(-renewBefore)
	if latest := now.Add(maxTokenLife); until.After(latest) {
		until = latest
	}
	return &installationToken{value: answer.Token, until: until}, nil
}

// refused says what GitHub has against an App.
func (a GitHubApp) refused(resp *http.Response, body []byte) error {
	var answer struct {
		Message string `json:"message"`
	}
	text := fmt.Sprintf("the GitHub App is refused a token: %s answered %d %s", resp.Request.URL.Host, resp.StatusCode, http.StatusText(resp.StatusCode))
	if json.Unmarshal(body, &answer) == nil && answer.Message != "" {
		// A server may repeat what it was sent. What is cut short afterwards would not be found.
		text += ": " + printable(scrub(answer.Message, strings.TrimPrefix(resp.Request.Header.Get("Authorization"), "Bearer ")))
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return failf(Unauthorized, "%s", text).advise("Check that githubAppPrivateKey in the Secret is a key of the App that githubAppID names, and was not revoked.")
	case http.StatusForbidden, http.StatusTooManyRequests:
		if wait := retryAfter(resp.Header, time.Now()); wait > 0 || resp.StatusCode == http.StatusTooManyRequests {
			err := failf(RateLimited, "%s", text)
			err.RetryAfter = wait
			return err
		}
		return failf(Forbidden, "%s", text).advise("Check that the installation is not suspended.")
	case http.StatusNotFound, http.StatusUnprocessableEntity:
		return failf(Unauthorized, "%s", text).advise("Check githubAppInstallationID in the Secret, and that the App is still installed; and githubAppBaseURL, if the repository is not on github.com.")
	}
	err := statusError(resp, false)
	if known, ok := errors.AsType[*Error](err); ok {
		known.Err = errors.New(text)
	}
	return err
}
