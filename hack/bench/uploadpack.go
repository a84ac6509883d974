package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The floor's half of Git: the two requests of protocol version 2 that no client can do without, and nothing done with the answer.

// lsRefs asks where the default branch points.
func lsRefs(ctx context.Context, url string) (string, error) {
	answer, err := uploadPack(ctx, url, packet("command=ls-refs\n")+"0001"+packet("ref-prefix refs/heads/main\n")+"0000")
	if err != nil {
		return "", err
	}
	if len(answer) < 44 {
		return "", fmt.Errorf("ls-refs of %s: %q is no ref", url, answer)
	}
	return string(answer[4:44]), nil
}

// fetch brings a commit, to a client that has another one already unless that is empty.
func fetch(ctx context.Context, url, want, have string) error {
	request := packet("command=fetch") + "0001" + packet("no-progress\n") + packet("ofs-delta\n") + packet("want "+want+"\n")
	if have != "" {
		request += packet("have " + have + "\n")
	}
	answer, err := uploadPack(ctx, url, request+packet("done\n")+"0000")
	if err != nil {
		return err
	}
	if !bytes.Contains(answer, []byte("PACK")) {
		return fmt.Errorf("fetch from %s: no pack in %d bytes", url, len(answer))
	}
	return nil
}

func packet(text string) string { return fmt.Sprintf("%04x%s", len(text)+4, text) }

func uploadPack(ctx context.Context, url, body string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/git-upload-pack", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Git-Protocol", "version=2")
	request.Header.Set("Content-Type", "application/x-git-upload-pack-request")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the Git server: %w", err)
	}
	answer, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the Git server's answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the Git server answered %s: %s", response.Status, answer)
	}
	return answer, nil
}
