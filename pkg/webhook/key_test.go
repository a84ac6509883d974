package webhook

import (
	"errors"
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	for want, urls := range map[string][]string{
		"github.com/team/shop": {"https://github.com/team/shop", "https://github.com/Team/Shop.git", "http://GITHUB.com:80/team/shop/",
			"git@github.com:team/shop.git",
			"ssh://git@github.com/team/shop.git", "ssh://git@ssh.github.com:443/team/shop.git", "git://github.com/team/shop.git",
			"https://kim:s3cret@github.com/team/shop",
			"https://github.com//team//shop.git//", "https://github.com/team/shop?x=1#y", " https://github.com/team/shop\n",
			"https://github.com./team/%73hop",
			"git+ssh://git@github.com/team/shop", "github.com/team/shop", "https://github.com/team/x/../shop.git/",
			"git@github.com:/team/shop", "https://github.com/team/shop.git.git"},
		"gitlab.com/group/sub/shop": {"https://gitlab.com/group/sub/shop.git", "git@altssh.gitlab.com:group/sub/shop.git",
			"ssh://git@altssh.gitlab.com:443/group/sub/shop.git"},
		"gitlab.com/scm/sub/shop": {"https://gitlab.com/scm/sub/shop"},
		"bitbucket.org/team/shop": {"https://kim@bitbucket.org/team/shop.git", "ssh://git@altssh.bitbucket.org:443/team/shop.git",
			"git@bitbucket.org:team/shop.git"},
		"git.example.com/org/shop": {"https://git.example.com:8443/org/shop.git", "ssh://git@git.example.com:2222/org/shop",
			"git.example.com:org/shop"},
		"git.example.com/team/shop": {"https://git.example.com/scm/TEAM/shop.git", "https://git.example.com/bitbucket/scm/team/shop",
			"ssh://git@git.example.com:7999/team/shop.git", "https://git.example.com/projects/TEAM/repos/shop/browse"},
		"git.example.com/~kim/shop": {"https://git.example.com/scm/~kim/shop.git", "ssh://git@git.example.com:7999/~KIM/shop.git",
			"https://git.example.com/users/kim/repos/shop/browse", "git@git.example.com:~kim/shop"},
		"dev.azure.com/org/team/_git/shop": {"https://dev.azure.com/org/team/_git/shop", "https://org@dev.azure.com/org/Team/_git/shop",
			"git@ssh.dev.azure.com:v3/org/team/shop",
			"ssh://git@ssh.dev.azure.com:22/v3/org/team/shop", "https://org.visualstudio.com/DefaultCollection/team/_git/shop",
			"https://org.visualstudio.com/team/_git/shop",
			"org@vs-ssh.visualstudio.com:v3/org/team/shop"},
		"dev.azure.com/org/shop/_git/shop": {"https://dev.azure.com/org/_git/shop", "https://org.visualstudio.com/_git/shop",
			"https://org.visualstudio.com/DefaultCollection/_git/shop", "git@ssh.dev.azure.com:v3/org/shop/shop"},
		"dev.azure.com/org/my%20team/_git/x": {"https://dev.azure.com/org/My%20Team/_git/x", "git@ssh.dev.azure.com:v3/org/My%20Team/x",
			"https://dev.azure.com/org/my team/_git/x"},
		"git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop": {"https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
			"ssh://KEYID@git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
			"codecommit::eu-west-1://shop", "codecommit::eu-west-1://profile@shop", "arn:aws:codecommit:eu-west-1:123456789012:Shop"},
		"git-codecommit.cn-north-1.amazonaws.com.cn/v1/repos/shop": {"arn:aws-cn:codecommit:cn-north-1:123456789012:shop",
			"codecommit::cn-north-1://shop"},
		"[::1]/team/shop": {"https://[::1]/team/shop", "ssh://git@[0:0::1]:2222/team/shop.git", "git@[::1]:team/shop",
			"[::1]:team/shop", "http://[::1%25lo]:80/team/shop", "[::1]/team/shop"},
		"localhost/shop":          {"http://localhost:3000/shop", "localhost:shop"},
		"h/a@b:c":                 {"ssh://u@h/a@b:c", "u@h:a@b:c", "h/a@b:c"},
		"h/100%25":                {"https://h/100%25", "h/100%25"},
		"h/a%3fb%23c":             {"https://h/a%3Fb%23c"},
		"münchen.example/straße":  {"https://MÜNCHEN.example/stra%C3%9Fe"},
		"ssh.dev.azure.com/v3/o":  {"git@ssh.dev.azure.com:v3/o"},
		"dev.azure.com/org/a/b":   {"https://org.visualstudio.com/a/b"},
		"visualstudio.com/a":      {"https://visualstudio.com/a"},
		"git.example.com/a/b/c/d": {"https://git.example.com/a/b/c/d/"},
	} {
		for _, raw := range append(urls, want) {
			if got, err := Key(raw); got != want || err != nil {
				t.Errorf("Key(%q) = %q, %v, want %q", raw, got, err, want)
			}
		}
	}
}

func TestKeyOfNone(t *testing.T) {
	for _, raw := range []string{"", " ", "/", "https://", "https:///team/shop", "https://github.com", "https://github.com/",
		"https://github.com/.git", "file:///srv/git/shop",
		"ftp://h/x", "javascript://h/x", "https://h/%zz", "https://h/a%00b", "https://h/a\x00b", "https://h\n/x", "https://[::1/x",
		"https://[x]/x", "https://[1.2.3.4]/x", "https://[::1]x/y",
		"https://a b/c", "https://h%41/x", "https://h/%ff", "https://h/\xff", "git@:x", "git@h:", "h", "..", "https://../x",
		"https://h/..", "codecommit::eu-west-1://", "arn:aws:codecommit:::",
		"https://" + strings.Repeat("x", MaxURLLength) + "/x", "https://org.visualstudio.com/"} {
		if got, err := Key(raw); got != "" || !errors.Is(err, ErrURL) {
			t.Errorf("Key(%q) = %q, %v", raw, got, err)
		}
	}
}

func TestKeyErrorQuotesNothing(t *testing.T) {
	if _, err := Key("https://kim:s3cret@github.com/%zz"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Error(err)
	}
}
