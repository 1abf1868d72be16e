package password

// A stored hash names its own cost, and whoever can write one (an import, a shared table) must not be able
// to stop the process with it: argon2 with m=2^31 ends in "out of memory", 10^9 rounds of PBKDF2 run for
// minutes. Everything here is therefore checked by the decoders before any work or large allocation.
//
// The bounds let through what current libraries write by default and OWASP's and the libraries' dearer
// advice, and keep one verification to about two seconds of one core and 256 MiB at the very most.
//
//	what                 least   most          known to be in use
//	encoded length       1       1024 bytes    about 200
//	argon2 m             8 p     256 MiB       Django 100 MiB; libsodium "moderate" 256 MiB
//	argon2 t             1       1024          1 to 4
//	argon2 m times t     -       1 GiB         libsodium "moderate" 768 MiB
//	argon2 p             1       64            Django 8
//	argon2 salt          8       64 bytes      8 or 16 (8 is the least of the reference implementation)
//	argon2 digest        16      64 bytes      16 or 32
//	bcrypt cost          4       14            10 to 13
//	scrypt N r 128       -       128 MiB       OWASP 128 MiB; passlib 64 MiB; Werkzeug 32 MiB
//	scrypt N             2       2^20
//	scrypt r, p          1       64            8; 1 to 10
//	scrypt N r p 128     -       256 MiB       OWASP 128 MiB
//	scrypt digest        16      64 bytes      32 (passlib), 64 (Django, Werkzeug)
//	PBKDF2 rounds        1       5 000 000     Django 1 200 000
//	sha256-, sha512-crypt rounds 1000 1 000 000 passlib 656 000
//	sha-crypt, phpass: bytes hashed  1 GiB     grows with the password too; beyond it the password is refused
//	phpass rounds        2^7     2^20          2^13; passlib 2^19
//	salts of other schemes  -    256 bytes     8 to 32
//
// Digests of PBKDF2 and of plain hashes have exactly the length of the hash: a cut one would match too much.
const (
	maxEncoded = 1024
	maxSalt    = 256

	maxArgon2Memory = 256 << 10 // KiB
	maxArgon2Time   = 1024
	maxArgon2Work   = 1 << 20 // KiB times passes
	maxArgon2Lanes  = 64
	minArgon2Salt   = 8
	maxArgon2Salt   = 64
	minArgon2Digest = 16
	maxArgon2Digest = 64

	minBcryptCost  = 4
	maxBcryptCost  = 14
	maxBcryptBytes = 72 // of a password; the algorithm reads no more

	maxScryptLog2N  = 20
	maxScryptFactor = 64        // r and p each
	maxScryptMemory = 128 << 20 // bytes
	maxScryptWork   = 256 << 20 // bytes
	minScryptDigest = 16
	maxScryptDigest = 64

	maxPBKDF2Rounds = 5_000_000

	minSHACryptRounds     = 1000
	defaultSHACryptRounds = 5000 // where the hash names none
	maxSHACryptRounds     = 1_000_000
	maxSHACryptSalt       = 16
	maxMD5CryptSalt       = 8
	md5CryptRounds        = 1000
	minPHPassLog2         = 7
	maxPHPassLog2         = 20
	maxCryptWork          = 1 << 30 // bytes hashed
)
