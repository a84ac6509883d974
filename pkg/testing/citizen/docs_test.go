package citizen

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"nopea.io/nopea/pkg/testing/githttp"
	"nopea.io/nopea/pkg/testing/localcluster"
)

// TestReasonsAreDocumented finds every reason of a failed GitRepository in the table of docs/troubleshooting.md, and no other there.
func TestReasonsAreDocumented(t *testing.T) {
	t.Parallel()
	root := githttp.Must(localcluster.Root())(t)
	known := map[string]bool{"Applied": true, "Progressing": true}
	for _, file := range []string{"pkg/controller/gitrepository/failure.go", "pkg/git/errors.go"} {
		for _, code := range codes(t, filepath.Join(root, file)) {
			known[code] = true
		}
	}
	documented := make(map[string]bool)
	text := string(githttp.Must(os.ReadFile(filepath.Join(root, "docs", "troubleshooting.md")))(t))
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Za-z]+)` \\|").FindAllStringSubmatch(text, -1) {
		documented[row[1]] = true
		if !known[row[1]] {
			t.Errorf("docs/troubleshooting.md explains %s, which is no reason", row[1])
		}
	}
	for code := range known {
		if !documented[code] {
			t.Errorf("docs/troubleshooting.md does not explain %s", code)
		}
	}
	if len(known) < 30 {
		t.Errorf("only %d reasons were found in the code", len(known))
	}
}

// codes are the values of a file's constants that are codes of a failure, by their name or type.
func codes(t *testing.T, path string) []string {
	t.Helper()
	file := githttp.Must(parser.ParseFile(token.NewFileSet(), path, nil, 0))(t)
	var values []string
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		kind, _ := spec.Type.(*ast.Ident)
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if ok && literal.Kind == token.STRING && (strings.HasPrefix(spec.Names[0].Name, "Code") || kind != nil && kind.Name == "Code") {
			values = append(values, githttp.Must(strconv.Unquote(literal.Value))(t))
		}
		return true
	})
	return values
}

// TestFlagsAreDocumented finds every flag of both servers in docs/operations.md, and no flag there that neither has.
func TestFlagsAreDocumented(t *testing.T) {
	t.Parallel()
	root := githttp.Must(localcluster.Root())(t)
	text := string(githttp.Must(os.ReadFile(filepath.Join(root, "docs", "operations.md")))(t))
	_, controllerPart, _ := strings.Cut(text, "\n## Flags of nopea-controller\n")
	controllerPart, apiServerPart, _ := strings.Cut(controllerPart, "\n## Flags of nopea-apiserver\n")
	inHelp, inDocs := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z0-9-]+)`), regexp.MustCompile("`--([a-z0-9-]+)`")
	for binary, part := range map[string]string{"nopea-controller": controllerPart, "nopea-apiserver": apiServerPart} {
		help := githttp.Must(exec.CommandContext(t.Context(), githttp.Must(localcluster.Binary(binary))(t), "--help").CombinedOutput())(t)
		has, says := found(inHelp, string(help)), found(inDocs, part)
		for flag := range has {
			if !says[flag] {
				t.Errorf("docs/operations.md does not name --%s of %s", flag, binary)
			}
		}
		for flag := range says {
			if !has[flag] {
				t.Errorf("docs/operations.md names --%s, which %s does not have", flag, binary)
			}
		}
		if len(has) == 0 {
			t.Errorf("%s has no flags", binary)
		}
	}
}

func found(pattern *regexp.Regexp, text string) map[string]bool {
	all := make(map[string]bool)
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		all[match[1]] = true
	}
	return all
}
