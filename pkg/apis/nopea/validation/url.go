package validation

import (
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

const maxURLLength = 2048

var (
	// scpURL is user@host:path, the form of scp. A path that begins with a slash is allowed, as in Git.
	scpURL  = regexp.MustCompile(`^([^@/:\[\]]*)@(\[[^\[\]]*\]|[^@/:\[\]]*):(.*)$`)
	sshUser = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`)
	sshHost = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._-]*|[0-9A-Fa-f:.]+|\[[0-9A-Fa-f:.]+\])$`)
)

const (
	// urlForms are what spec.url may be.
	urlForms   = "must begin with https://, http:// or ssh://, or be of the form user@host:path"
	noUserInfo = "must not contain user information: put credentials into a Secret and name it in spec.secretRef"
)

// validateURL never repeats a URL that holds credentials: its error is read by everybody who sees the request fail.
func validateURL(raw string, at *field.Path) field.ErrorList {
	if errs := validateURLText(raw, "the https://, http:// or ssh:// address of the Git repository", at); len(errs) > 0 {
		return errs
	}
	if parts := scpURL.FindStringSubmatch(raw); parts != nil && !strings.Contains(raw, "://") {
		return validateSSH(parts[1], parts[2], parts[3], raw, at)
	}
	u, err := url.Parse(raw)
	if err != nil {
		return field.ErrorList{field.Invalid(at, "<not shown>", "is not a URL; examples: https://git.example.com/team/shop.git, git@git.example.com:team/shop.git")}
	}
	ssh := strings.EqualFold(u.Scheme, "ssh")
	if _, hasPassword := u.User.Password(); u.User != nil && (!ssh || hasPassword) {
		return field.ErrorList{field.Invalid(at, u.Redacted(), noUserInfo)}
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(raw, "#") {
		return field.ErrorList{field.Invalid(at, u.Scheme+"://"+u.Host+u.EscapedPath(), "must have no query and no fragment")}
	}
	if ssh {
		user := "git"
		if u.User != nil {
			user = u.User.Username()
		}
		return validateSSH(user, u.Hostname(), u.Path, raw, at)
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		if strings.Contains(raw, "@") {
			raw = "<not shown>"
		}
		return field.ErrorList{field.Invalid(at, raw, urlForms)}
	}
	if u.Hostname() == "" {
		return field.ErrorList{field.Invalid(at, raw, "must name a host")}
	}
	return nil
}

// validateSSH checks the parts of an address of SSH. What looks like an option is none of them.
func validateSSH(user, host, path, raw string, at *field.Path) field.ErrorList {
	switch {
	case host == "":
		return field.ErrorList{field.Invalid(at, raw, "must name a host")}
	case !sshHost.MatchString(host):
		return field.ErrorList{field.Invalid(at, raw, "must have a host name or address between user and path")}
	case !sshUser.MatchString(user):
		return field.ErrorList{field.Invalid(at, raw, "must have a user name of letters, digits and ._+- before the @")}
	case strings.Trim(path, "/") == "":
		return field.ErrorList{field.Invalid(at, raw, "must name the path of the repository")}
	case strings.HasPrefix(path, "-"):
		return field.ErrorList{field.Invalid(at, raw, "must have a path that does not begin with a dash")}
	case strings.ContainsAny(path, "?#"):
		return field.ErrorList{field.Invalid(at, raw, "must have no query and no fragment")}
	case strings.ContainsFunc(path, isControl):
		return field.ErrorList{field.Invalid(at, "<not shown>", "must not contain control characters")}
	}
	return nil
}

// validateURLText checks what a URL has to be before it is parsed; required says what is missing. It never repeats the text.
func validateURLText(raw, required string, at *field.Path) field.ErrorList {
	switch {
	case raw == "":
		return field.ErrorList{field.Required(at, required)}
	case len(raw) > maxURLLength:
		return field.ErrorList{field.TooLong(at, "", maxURLLength)}
	case !utf8.ValidString(raw) || strings.ContainsFunc(raw, isControlOrSpace):
		return field.ErrorList{field.Invalid(at, "<not shown>", "must not contain spaces or control characters")}
	}
	return nil
}
