#include "backend/cpu/ptx/ptx_text.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/ADT/StringRef.h>

namespace tuned::cpu {
namespace {

std::string withoutComments(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.compare(at, 2, "//") == 0)
      at = std::min(text.find('\n', at), text.size());
    else if (text.compare(at, 2, "/*") == 0)
      at = std::min(text.find("*/", at), text.size() - 2) + 1;
    else
      result += text[at];
  }
  return result;
}

std::vector<std::string> parts(llvm::StringRef operand, char separator) {
  llvm::SmallVector<llvm::StringRef> pieces;
  operand.split(pieces, separator);
  std::vector<std::string> result;
  for (llvm::StringRef piece : pieces)
    result.push_back(piece.trim().str());
  return result;
}

/// Splits at commas outside of braces.
std::vector<std::vector<std::string>> operandsOf(llvm::StringRef text) {
  std::vector<std::vector<std::string>> operands;
  while (!(text = text.ltrim(" \t\n\r,")).empty()) {
    size_t end = text.find(text.front() == '{' ? '}' : ',');
    llvm::StringRef operand = text.substr(0, end).trim();
    text = end == text.npos ? "" : text.substr(end + 1);
    if (operand.consume_front("{"))
      operands.push_back(parts(operand, ','));
    else
      operands.push_back(parts(operand, '|'));
  }
  return operands;
}

} // namespace

std::vector<PtxStatement> ptxStatements(const std::string& text) {
  std::vector<PtxStatement> statements;
  std::string clean = withoutComments(text);
  llvm::SmallVector<llvm::StringRef> pieces;
  llvm::StringRef(clean).split(pieces, ';');
  for (llvm::StringRef piece : pieces) {
    piece = piece.ltrim(" \t\n\r{}").rtrim();
    if (piece.empty()) continue;
    PtxStatement statement;
    if (piece.consume_front("@")) {
      size_t end = piece.find_first_of(" \t\n");
      statement.guard = piece.substr(0, end).str();
      piece = piece.substr(end).ltrim();
    }
    size_t end = piece.find_first_of(" \t\n");
    statement.opcode = parts(piece.substr(0, end).ltrim("."), '.');
    if (end != piece.npos && statement.opcode.front() == "reg") { // the type follows ".reg"
      piece = piece.substr(end).ltrim(" \t\n.");
      end = piece.find_first_of(" \t\n");
      statement.opcode.push_back(piece.substr(0, end).str());
    }
    if (end != piece.npos) statement.operands = operandsOf(piece.substr(end));
    statements.push_back(std::move(statement));
  }
  return statements;
}

} // namespace tuned::cpu
