#include "store/secret_box.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <system_error>

#include "base/text.h"

namespace postseal::store {

namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

struct FreeCipher {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

// EVP_aes_256_gcm() would be looked up by name each time; a policy host opens a key for nearly every handshake.
const EVP_CIPHER* aes_256_gcm() {
    static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    return cipher;
}

Result<Bytes> make_key(const std::string& path) {
    Bytes key = random_bytes(key_bytes);
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        return Error{Errc::unavailable, path, std::generic_category().message(errno)};
    }
    const std::string line = to_hex(key) + "\n";
    const bool written =
        ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
    const int reason = errno;
    ::close(file);
    if (!written) {
        return Error{Errc::unavailable, path, std::generic_category().message(reason)};
    }
    return key;
}

}  // namespace

Result<SecretBox> SecretBox::open(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
        if (errno != ENOENT) {
            return Error{Errc::unavailable, path, std::generic_category().message(errno)};
        }
        POSTSEAL_TRY(Bytes made, make_key(path));
        return SecretBox(std::move(made));
    }
    if ((status.st_mode & 0077U) != 0) {
        return Error{Errc::refused, path, "the master key may be read by its owner only: set its mode to 0600"};
    }
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    auto key = from_hex(trim_wsp(line));
    if (!key || key->size() != key_bytes) {
        return invalid_input(path, "not a master key: 64 hexadecimal digits are expected");
    }
    return SecretBox(std::move(*key));
}

SecretBox SecretBox::ephemeral() {
    return SecretBox(random_bytes(key_bytes));
}

Bytes SecretBox::seal(std::string_view secret, std::string_view context) const {
    Bytes out = random_bytes(nonce_bytes);
    out.resize(nonce_bytes + secret.size() + tag_bytes);
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int length = 0;
    const bool sealed = EVP_EncryptInit_ex(cipher.get(), aes_256_gcm(), nullptr, key_.data(), out.data()) == 1 &&
                        EVP_EncryptUpdate(cipher.get(), nullptr, &length, as_bytes(context).data(),
                                          static_cast<int>(context.size())) == 1 &&
                        EVP_EncryptUpdate(cipher.get(), out.data() + nonce_bytes, &length, as_bytes(secret).data(),
                                          static_cast<int>(secret.size())) == 1 &&
                        EVP_EncryptFinal_ex(cipher.get(), out.data() + nonce_bytes + secret.size(), &length) == 1 &&
                        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_bytes,
                                            out.data() + nonce_bytes + secret.size()) == 1;
    if (!sealed) {
        std::abort();  // only memory exhaustion gets here; a key must never be stored in clear instead
    }
    return out;
}

Result<std::string> SecretBox::unseal(ByteView sealed, std::string_view context) const {
    if (sealed.size() < nonce_bytes + tag_bytes) {
        return invalid_input("secret", "too short to be a sealed secret");
    }
    const ByteView body = sealed.subspan(nonce_bytes, sealed.size() - nonce_bytes - tag_bytes);
    Bytes tag(sealed.end() - tag_bytes, sealed.end());
    std::string out(body.size(), '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int length = 0;
    const bool opened =
        EVP_DecryptInit_ex(cipher.get(), aes_256_gcm(), nullptr, key_.data(), sealed.data()) == 1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &length, as_bytes(context).data(), static_cast<int>(context.size())) ==
            1 &&
        EVP_DecryptUpdate(cipher.get(), reinterpret_cast<std::uint8_t*>(out.data()), &length, body.data(),
                          static_cast<int>(body.size())) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_bytes, tag.data()) == 1 &&
        EVP_DecryptFinal_ex(cipher.get(), reinterpret_cast<std::uint8_t*>(out.data()) + out.size(), &length) == 1;
    if (!opened) {
        return Error{Errc::refused, "secret", "does not open with this master key: was the key file replaced?"};
    }
    return out;
}

}  // namespace postseal::store
