package git

import (
	"context"
	"net/url"
	"sync"
	"time"
)

// installationToken lets in as an installation of a GitHub App.
type installationToken struct {
	value string
	until time.Time // when a new one is needed
}

// maxInstallations bounds the tokens that are kept.
const maxInstallations = 1000

// installations keeps the tokens of GitHub Apps. They are in memory only.
type installations struct {
	issues calls[*installationToken]

	mu     sync.Mutex
	tokens map[GitHubApp]*installationToken
}

// token of the App that a repository is read by. Whoever needs the same at the same time shares the request for it.
func (i *installations) token(ctx context.Context, clients *httpClients, cred *Credentials, repository *url.URL) (string, error) {
	app := cred.GitHubApp
	if token := i.kept(app, time.Now()); token != nil {
		return token.value, nil
	}
	// The key stays in memory, as does that of the tokens.
	key := app.ID + "\x00" + app.InstallationID + "\x00" + app.BaseURL + "\x00" + app.PrivateKey
	token, err := i.issues.do(ctx, key, time.Time{}, false, func(ctx context.Context) (*installationToken, error) {
		api, err := app.api()
		if err != nil {
			return nil, err
		}
		settings := cred.connection()
		if !sameOrigin(api, repository) {
			settings.certificate, settings.key = "", ""
		}
		client, release, err := clients.take(settings)
		if err != nil {
			return nil, err
		}
		defer release()
		token, err := app.issue(ctx, client, time.Now())
		if err == nil {
			i.keep(app, token)
		}
		return token, err
	})
	if err != nil {
		return "", err
	}
	return token.value, nil
}

func (i *installations) kept(app GitHubApp, now time.Time) *installationToken {
	i.mu.Lock()
	defer i.mu.Unlock()
	if token := i.tokens[app]; token != nil && now.Before(token.until) {
		return token
	}
	return nil
}

func (i *installations) keep(app GitHubApp, token *installationToken) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.tokens == nil || len(i.tokens) >= maxInstallations {
		i.tokens = map[GitHubApp]*installationToken{}
	}
	i.tokens[app] = token
}

// forget a token that was refused, given as the header that carried it. Another that came meanwhile stays.
func (i *installations) forget(app GitHubApp, header string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if token := i.tokens[app]; token != nil && basic(installationUser, token.value) == header {
		token.until = time.Time{}
	}
}

// scrub removes an App's token from text.
func (i *installations) scrub(app GitHubApp, text string) string {
	i.mu.Lock()
	defer i.mu.Unlock()
	token := i.tokens[app]
	if app.isZero() || token == nil {
		return text
	}
	return scrub(text, token.value, basic(installationUser, token.value)[len("Basic "):])
}
