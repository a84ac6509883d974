package webhook

import (
	"slices"
	"strings"
)

// aliases are hosts that take SSH on the port of HTTPS, for who is behind a firewall.
var aliases = map[string]string{
	"ssh.github.com":       "github.com",
	"altssh.gitlab.com":    "gitlab.com",
	"altssh.bitbucket.org": "bitbucket.org",
	"www.github.com":       "github.com",
}

const (
	azureHost        = "dev.azure.com"
	visualStudioHost = ".visualstudio.com"
)

// alias gives host and clean path in the form that the host's own web page has.
func alias(host, rest string) (string, string) {
	if main, ok := aliases[host]; ok {
		host = main
	}
	segments := strings.Split(rest, "/")
	switch {
	case host == azureHost || host == "ssh."+azureHost || len(host) > len(visualStudioHost) && strings.HasSuffix(host, visualStudioHost):
		return azure(host, segments)
	case host != "github.com" && host != "gitlab.com" && host != "bitbucket.org":
		return host, dataCenter(segments)
	}
	return host, rest
}

// azure knows organization, project and repository in these forms, the last two also without the project where it has the name of the
// repository:
//
//	ssh.dev.azure.com and vs-ssh.visualstudio.com: v3/ORG/PROJECT/REPO
//	dev.azure.com: ORG/PROJECT/_git/REPO
//	ORG.visualstudio.com: [DefaultCollection/]PROJECT/_git/REPO
//
// https://learn.microsoft.com/en-us/azure/devops/repos/git/use-ssh-keys-to-authenticate
func azure(host string, segments []string) (string, string) {
	organization, old := strings.CutSuffix(host, visualStudioHost)
	switch {
	case len(segments) == 4 && segments[0] == "v3" && (host == "ssh."+azureHost || organization == "vs-ssh"):
		segments = []string{segments[1], segments[2], "_git", segments[3]}
	case host == "ssh."+azureHost || old && organization == "vs-ssh":
		return host, strings.Join(segments, "/")
	case old:
		if segments[0] == "defaultcollection" {
			segments = segments[1:]
		}
		segments = append([]string{organization}, segments...)
	}
	if len(segments) == 3 && segments[1] == "_git" {
		segments = []string{segments[0], segments[2], "_git", segments[2]}
	}
	return azureHost, strings.Join(segments, "/")
}

// dataCenter brings the paths of Bitbucket Data Center into the one that SSH has, PROJECT/REPO or ~USER/REPO:
//
//	[CONTEXT/]scm/PROJECT/REPO
//	[CONTEXT/]projects/PROJECT/repos/REPO[/browse]
//	[CONTEXT/]users/USER/repos/REPO[/browse]
//
// Nothing tells its hosts from others. A path of another server that looks like one of these gets a key that it shares with another
// repository of that server at worst.
func dataCenter(segments []string) string {
	s := segments
	if n := len(s); n >= 5 && s[n-1] == "browse" && !strings.HasSuffix(s[n-2], ".git") {
		s = s[:n-1]
	}
	switch n := len(s); {
	case n >= 3 && s[n-3] == "scm":
		segments = s[n-2:]
	case n >= 4 && s[n-2] == "repos" && s[n-4] == "projects":
		segments = []string{s[n-3], s[n-1]}
	case n >= 4 && s[n-2] == "repos" && s[n-4] == "users":
		segments = []string{"~" + s[n-3], s[n-1]}
	}
	return strings.Join(segments, "/")
}

// codeCommit turns the two ways of AWS CodeCommit that are no URLs into one: codecommit::REGION://[PROFILE@]NAME, of git-remote-codecommit,
// and the ARN, arn:aws:codecommit:REGION:ACCOUNT:NAME, which is all that its events hold.
//
// https://docs.aws.amazon.com/codecommit/latest/userguide/setting-up-git-remote-codecommit.html
func codeCommit(raw string) (string, bool) {
	lower := strings.ToLower(raw)
	if after, ok := strings.CutPrefix(lower, "codecommit::"); ok {
		region, name, ok := strings.Cut(after, "://")
		return codeCommitURL("aws", region, name[strings.LastIndexByte(name, '@')+1:]), ok
	}
	if parts := strings.Split(lower, ":"); len(parts) == 6 && parts[0] == "arn" && parts[2] == "codecommit" {
		return codeCommitURL(parts[1], parts[3], parts[5]), true
	}
	return "", false
}

func codeCommitURL(partition, region, name string) string {
	if region == "" || name == "" {
		return ""
	}
	domain := ".amazonaws.com"
	if partition == "aws-cn" || slices.Contains([]string{"cn-north-1", "cn-northwest-1"}, region) {
		domain += ".cn"
	}
	return "https://git-codecommit." + region + domain + "/v1/repos/" + name
}
