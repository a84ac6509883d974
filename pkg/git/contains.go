package git

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"k8s.io/klog/v2"
)

// Contains tells whether a commit is the given one or among its ancestors, as the server sees it. It costs one small request, however long
// the history is: the server is asked for the one, by somebody who has the other with its whole history, and has nothing to send if that
// holds it. A server that does not know the commit, or gives out only what a ref points to, makes it an error with the code CommitNotFound.
func (s *Source) Contains(ctx context.Context, tip Revision, commit string) (bool, error) {
	if err := errors.Join(validateRevision(tip), validateCommitID(commit)); err != nil {
		return false, s.describe("look for", commit, err)
	}
	if tip.Hash == commit {
		return true, nil
	}
	st := s.cache.acquire(s)
	defer s.cache.release(st)
	began, contained := time.Now(), false
	err := st.remote.withServer(ctx, search{}, func(srv *server, _ refAnswer) (err error) {
		contained, err = st.remote.nothingNew(ctx, srv, commit, tip.Hash)
		return err
	})
	if err == nil {
		klog.FromContext(ctx).V(4).Info("Asked whether a commit holds another", "url", st.store.url, "commit", tip.Hash, "other", commit, "contained", contained, "duration", time.Since(began))
	}
	return contained, s.describe("look for", commit, err)
}

// nothingNew tells whether who has a commit with its whole history has another one, too: the pack is empty then. Of one that is not, only
// the beginning is read, and where the server can leave out files and folders it does.
func (r *remote) nothingNew(ctx context.Context, srv *server, want, have string) (bool, error) {
	var count uint32
	err := r.receivePack(ctx, srv, packRequest{want: want, have: have, whole: true, filter: "tree:0"}, func(pack io.Reader) (err error) {
		count, err = packedObjects(pack)
		return err
	})
	return err == nil && count == 0, err
}

// packedObjects reads the number of objects from the beginning of a pack, gitformat-pack(5).
func packedObjects(pack io.Reader) (uint32, error) {
	var header [12]byte
	if _, err := io.ReadFull(pack, header[:]); err != nil {
		return 0, unexpectedEOF(err)
	}
	version := binary.BigEndian.Uint32(header[4:])
	if !bytes.HasPrefix(header[:], []byte("PACK")) || version < 2 || version > 3 {
		return 0, &Error{Code: Corrupt, Err: fmt.Errorf("the server's answer is no pack: it begins with %q", header)}
	}
	return binary.BigEndian.Uint32(header[8:]), nil
}
