package gitrepository

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"nopea.io/nopea/pkg/git"
)

func TestCredentialsFrom(t *testing.T) {
	const (
		https = "https://git.example.com/team/shop.git"
		ssh   = "ssh://git@git.example.com:2222/team/shop.git"
		scp   = "git@git.example.com:team/shop.git"
	)
	for name, tt := range map[string]struct {
		url    string
		secret map[string]string
		want   git.Credentials
		// says what a refusal has to say; empty where there is none.
		says []string
	}{
		"basic": {https, map[string]string{"username": "ada", "password": "word\n"}, git.Credentials{Username: "ada", Password: "word"}, nil},
		"token": {https, map[string]string{"bearerToken": "token\r\n"}, git.Credentials{BearerToken: "token"}, nil},
		"app": {https, map[string]string{"githubAppID": "1\n", "githubAppInstallationID": "2", "githubAppPrivateKey": "k\n", "githubAppBaseURL": "https://h"},
			git.Credentials{GitHubApp: git.GitHubApp{ID: "1", InstallationID: "2", PrivateKey: "k\n", BaseURL: "https://h"}}, nil},
		"tls":        {https, map[string]string{"ca.crt": "c", "tls.crt": "a", "tls.key": "b"}, git.Credentials{CABundle: "c", ClientCertificate: "a", ClientKey: "b"}, nil},
		"Flux's tls": {https, map[string]string{"caFile": "c", "certFile": "a", "keyFile": "b"}, git.Credentials{CABundle: "c", ClientCertificate: "a", ClientKey: "b"}, nil},
		"both":       {https, map[string]string{"identity": "i", "known_hosts": "h", "password": "p"}, git.Credentials{Password: "p"}, nil},
		"nothing":    {https, map[string]string{"user": "ada"}, git.Credentials{}, []string{`"git"`, "username", "bearerToken", "githubAppID"}},
		"for ssh":    {https, map[string]string{"identity": "i", "known_hosts": "h"}, git.Credentials{}, []string{"SSH"}},

		"identity":       {ssh, map[string]string{"identity": "i\n", "known_hosts": "h\n", "password": "p\n", "username": "x"}, git.Credentials{SSHKey: "i\n", SSHPassphrase: "p", KnownHosts: "h\n"}, nil},
		"ssh-auth":       {scp, map[string]string{"ssh-privatekey": "i", "known_hosts": "h"}, git.Credentials{SSHKey: "i", KnownHosts: "h"}, nil},
		"no key":         {ssh, map[string]string{"username": "ada", "password": "p"}, git.Credentials{}, []string{"identity", "ssh-keyscan -p 2222 git.example.com"}},
		"no known_hosts": {scp, map[string]string{"identity": "i", "known_hosts": "\n"}, git.Credentials{}, []string{"known_hosts", "ssh-keyscan git.example.com "}},
	} {
		t.Run(name, func(t *testing.T) {
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "git"}, Data: map[string][]byte{}}
			for key, value := range tt.secret {
				secret.Data[key] = []byte(value)
			}
			got, err := credentialsFrom(secret, tt.url)
			if len(tt.says) == 0 {
				if err != nil || got != tt.want {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			failure, ok := errors.AsType[*Failure](err)
			if !ok || failure.Code != CodeSecretInvalid {
				t.Fatalf("got %v", err)
			}
			for _, word := range tt.says {
				if text := failure.Message + " " + failure.Hint; !strings.Contains(text, word) {
					t.Errorf("%q does not say %q", text, word)
				}
			}
		})
	}
}
