package sops

import "errors"

var errShares = errors.New("the shares of the data key do not fit together")

// combine gives the secret that was split into shares by Shamir's scheme over GF(2^8), byte by byte: each share is the values of
// polynomials at one point, and ends in that point; the secret is their values at 0 (as HashiCorp Vault writes it).
func combine(shares [][]byte) ([]byte, error) {
	if len(shares) < 2 || len(shares[0]) < 2 {
		return nil, errShares
	}
	length := len(shares[0]) - 1
	secret := make([]byte, length)
	for i, share := range shares {
		if len(share) != length+1 {
			return nil, errShares
		}
		// The Lagrange basis polynomial of this point, at 0: the product of x_j / (x_j - x_i). Subtraction is exclusive or.
		at, basis := share[length], byte(1)
		for j, other := range shares {
			if i == j {
				continue
			}
			if len(other) != length+1 || other[length] == at {
				return nil, errShares
			}
			basis = multiply(basis, multiply(other[length], invert(other[length]^at)))
		}
		for b := range secret {
			secret[b] ^= multiply(share[b], basis)
		}
	}
	return secret, nil
}

// multiply is the product in GF(2^8) with the polynomial of AES, in a time that does not depend on the factors.
func multiply(a, b byte) (product byte) {
	for range 8 {
		product ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return product
}

// invert is the inverse in GF(2^8): the 254th power, as the 255th is 1.
func invert(a byte) byte {
	power, result := a, byte(1)
	for range 7 {
		power = multiply(power, power)
		result = multiply(result, power)
	}
	return result
}
